! Reads a model.txt (docs/model_format.md) and runs it, without any library: physical units in and
! out. As in training, transforms and scaling are computed in double precision, the network in
! single precision. What cannot be read ends the program with a sentence and the exit status 1.
module twostep_model
   use, intrinsic :: iso_c_binding, only: c_int
   use, intrinsic :: iso_fortran_env, only: error_unit, output_unit, real32, real64
   use, intrinsic :: ieee_arithmetic, only: ieee_is_finite, ieee_quiet_nan, ieee_value
   implicit none
   private
   public :: feature_type, model_type, load_model, predict, stop_with

   integer, parameter :: text_length = 1024
   ! Samples that are computed together: many for fast matrix products, and so few that all that is
   ! between two layers stays in the processor's cache.
   integer, parameter :: block_size = 128

   ! An input or an output; smallest and largest are the range in the training data.
   type :: feature_type
      character(len=text_length) :: name, quantity, unit
      character(len=16) :: transform
      real(real64) :: smallest, largest, mean, std
   end type feature_type

   type :: layer_type
      character(len=16) :: activation
      real(real32), allocatable :: weights(:, :)  ! (n_units, n_inputs)
      real(real32), allocatable :: biases(:)  ! (n_units)
   end type layer_type

   type :: model_type
      type(feature_type), allocatable :: inputs(:), outputs(:)
      type(layer_type), allocatable :: layers(:)
   end type model_type

   interface
      ! Of the C library. After `error stop`, gfortran prints a backtrace below the sentence.
      subroutine c_exit(status) bind(c, name='exit')
         import :: c_int
         integer(c_int), value :: status
      end subroutine c_exit
   end interface

contains

   subroutine load_model(path, model)
      character(len=*), intent(in) :: path
      type(model_type), intent(out) :: model
      character(len=text_length) :: line
      integer :: unit, status, width, i

      open (newunit=unit, file=path, status='old', action='read', iostat=status)
      if (status /= 0) call fail('there is no file '//path//', or it cannot be opened')
      if (count_after(unit, 'twostep_model') /= 1) call fail('this reader knows version 1 only')
      do i = 1, count_after(unit, 'metadata')
         call read_line(unit, line)
      end do
      call read_features(unit, 'inputs', model%inputs)
      call read_features(unit, 'outputs', model%outputs)
      allocate (model%layers(count_after(unit, 'layers')))
      width = size(model%inputs)
      do i = 1, size(model%layers)
         call read_layer(unit, model%layers(i))
         if (size(model%layers(i)%weights, 2) /= width) call fail('a layer does not fit the one before it')
         width = size(model%layers(i)%biases)
      end do
      if (width /= size(model%outputs)) call fail('the last layer does not fit the outputs')
      if (value_after(unit, 'end') /= '') call fail('the last line must be: end')
      close (unit)
   end subroutine load_model

   ! Inputs (n_inputs, n_samples) to outputs (n_outputs, n_samples). A sample with an input outside
   ! the domain of its transform, or not finite, has outputs that are not a number; so have all of
   ! them if the number of inputs is not the model's.
   pure function predict(model, inputs) result(outputs)
      type(model_type), intent(in) :: model
      real(real64), intent(in) :: inputs(:, :)
      real(real64), allocatable :: outputs(:, :)
      integer :: first, last

      allocate (outputs(size(model%outputs), size(inputs, 2)))
      if (size(inputs, 1) /= size(model%inputs)) then
         outputs = ieee_value(1.0_real64, ieee_quiet_nan)
         return
      end if
      do first = 1, size(inputs, 2), block_size
         last = min(first + block_size - 1, size(inputs, 2))
         call predict_block(model, inputs(:, first:last), outputs(:, first:last))
      end do
   end function predict

   pure subroutine predict_block(model, inputs, outputs)
      type(model_type), intent(in) :: model
      real(real64), intent(in) :: inputs(:, :)
      real(real64), intent(out) :: outputs(:, :)
      real(real32), allocatable :: values(:, :)
      logical :: is_valid(size(inputs, 2))
      integer :: i

      is_valid = .true.
      allocate (values(size(inputs, 1), size(inputs, 2)))
      do i = 1, size(model%inputs)
         call standardise(model%inputs(i), inputs(i, :), values(i, :), is_valid)
      end do
      do i = 1, size(model%layers)
         call apply_layer(model%layers(i), values)
      end do
      do i = 1, size(model%outputs)
         associate (feature => model%outputs(i))
            outputs(i, :) = inverted(real(values(i, :), real64) * feature%std + feature%mean, feature%transform)
         end associate
         where (.not. is_valid) outputs(i, :) = ieee_value(1.0_real64, ieee_quiet_nan)
      end do
   end subroutine predict_block

   ! An input of some samples; where it cannot be used, the sample is not valid any more.
   pure subroutine standardise(feature, x, standardised, is_valid)
      type(feature_type), intent(in) :: feature
      real(real64), intent(in) :: x(:)
      real(real32), intent(out) :: standardised(:)
      logical, intent(inout) :: is_valid(:)
      ! In the domain of each transform.
      real(real64), parameter :: harmless = 0.5_real64
      real(real64) :: y(size(x))

      ! Looked at before it is computed with, as programs may trap invalid operations.
      is_valid = is_valid .and. ieee_is_finite(x)
      y = merge(x, harmless, is_valid)
      select case (feature%transform)
      case ('log10')
         is_valid = is_valid .and. y > 0
         y = log10(merge(y, harmless, is_valid))
      case ('log1p')
         is_valid = is_valid .and. y > -1
         y = log1p(merge(y, harmless, is_valid))
      case ('logit')
         is_valid = is_valid .and. y > 0 .and. y < 1
         y = merge(y, harmless, is_valid)
         y = log(y) - log(1 - y)
      end select
      y = (y - feature%mean) / feature%std
      is_valid = is_valid .and. abs(y) <= huge(1.0_real32)
      standardised = real(merge(y, 0.0_real64, is_valid), real32)
   end subroutine standardise

   ! log(1 + x), exact near 0, too.
   elemental function log1p(x) result(y)
      real(real64), intent(in) :: x
      real(real64) :: y

      if (abs(x) < 0.5_real64) then
         y = 2 * atanh(x / (2 + x))
      else
         y = log(1 + x)
      end if
   end function log1p

   pure function inverted(y, transform) result(x)
      real(real64), intent(in) :: y(:)
      character(len=*), intent(in) :: transform
      real(real64) :: x(size(y))

      x = y
      select case (transform)
      case ('log10')
         x = 10.0_real64**y
      case ('log1p')
         ! exp(y) - 1, exact near 0, too.
         x = tanh(y / 2) * (exp(y) + 1)
      case ('logit')
         ! Neither overflows, as exp(-y) would, nor loses what is not a number, as min(y, ...) would.
         x = merge(1.0_real64, exp(-abs(y)), y >= 0) / (1 + exp(-abs(y)))
      end select
   end function inverted

   ! Values (n_inputs, n_samples) of the layer to those of its units, (n_units, n_samples).
   pure subroutine apply_layer(layer, values)
      type(layer_type), intent(in) :: layer
      real(real32), allocatable, intent(inout) :: values(:, :)
      real(real32), allocatable :: sums(:, :)
      integer :: j

      allocate (sums(size(layer%biases), size(values, 2)))
      if (size(values, 2) == 1) then
         ! Compilers are slow with a matrix of one column.
         sums(:, 1) = matmul(layer%weights, values(:, 1))
      else
         sums = matmul(layer%weights, values)
      end if
      do j = 1, size(sums, 2)
         sums(:, j) = sums(:, j) + layer%biases
         call activate(sums(:, j), layer%activation)
      end do
      call move_alloc(sums, values)
   end subroutine apply_layer

   ! The units of a layer, of one sample.
   pure subroutine activate(x, activation)
      real(real32), intent(inout) :: x(:)
      character(len=*), intent(in) :: activation

      select case (activation)
      case ('relu')
         ! Unlike max(x, 0), this keeps what is not a number.
         where (x < 0) x = 0.0_real32
      case ('leaky_relu')
         where (x < 0) x = 0.01_real32 * x
      case ('elu')
         where (x < 0) x = tanh(x / 2) * (exp(x) + 1)
      case ('gelu')
         x = x / 2 * (1 + erf(x / sqrt(2.0_real32)))
      case ('silu')
         x = x * logistic(x)
      case ('tanh')
         x = tanh(x)
      case ('sigmoid')
         x = logistic(x)
      case ('softmax')
         x = softmax(x)
      end select
   end subroutine activate

   ! Of all units of a layer together, without overflow.
   pure function softmax(x) result(y)
      real(real32), intent(in) :: x(:)
      real(real32) :: y(size(x))

      y = exp(x - maxval(x))
      y = y / sum(y)
   end function softmax

   ! 1 / (1 + exp(-x)), without overflow.
   elemental function logistic(x) result(y)
      real(real32), intent(in) :: x
      real(real32) :: y

      y = merge(1.0_real32, exp(-abs(x)), x >= 0) / (1 + exp(-abs(x)))
   end function logistic

   subroutine read_features(unit, role, features)
      integer, intent(in) :: unit
      character(len=*), intent(in) :: role
      type(feature_type), allocatable, intent(out) :: features(:)
      character(len=text_length) :: transform
      real(real64) :: numbers(2)
      integer :: i

      allocate (features(count_after(unit, role)))
      do i = 1, size(features)
         features(i)%name = value_after(unit, 'name')
         features(i)%quantity = value_after(unit, 'quantity')
         features(i)%unit = value_after(unit, 'unit')
         transform = value_after(unit, 'transform')
         if (.not. any(transform == [character(len=5) :: 'none', 'log10', 'log1p', 'logit'])) &
            call fail('unknown transform '//trim(transform))
         features(i)%transform = transform(:16)
         call read_numbers(value_after(unit, 'range'), numbers)
         features(i)%smallest = numbers(1)
         features(i)%largest = numbers(2)
         call read_numbers(value_after(unit, 'scaling'), numbers)
         features(i)%mean = numbers(1)
         features(i)%std = numbers(2)
      end do
   end subroutine read_features

   subroutine read_layer(unit, layer)
      integer, intent(in) :: unit
      type(layer_type), intent(out) :: layer
      character(len=text_length) :: text
      character(len=:), allocatable :: line
      real(real64), allocatable :: numbers(:)
      integer :: n_inputs, n_units, status, i

      text = value_after(unit, 'layer')
      read (text, *, iostat=status) n_inputs, n_units, layer%activation
      if (status /= 0 .or. count_words(text) /= 3) &
         call fail('found "layer '//trim(text)//'" where units in, units out and activation are due')
      if (min(n_inputs, n_units) < 1) call fail('a layer without units')
      if (.not. any(layer%activation == [character(len=10) :: &
         'linear', 'sigmoid', 'softmax', 'relu', 'elu', 'gelu', 'silu', 'tanh', 'leaky_relu'])) &
         call fail('unknown activation '//trim(layer%activation))
      allocate (layer%weights(n_units, n_inputs), layer%biases(n_units), numbers(n_inputs + 1))
      ! Longer than any line of so many numbers.
      allocate (character(len=32 * (n_inputs + 2)) :: line)
      do i = 1, n_units
         call read_line(unit, line)
         call read_numbers(line, numbers)
         layer%weights(i, :) = real(numbers(:n_inputs), real32)
         layer%biases(i) = real(numbers(n_inputs + 1), real32)
      end do
   end subroutine read_layer

   ! What follows the key that the next line must begin with.
   function value_after(unit, key) result(value)
      integer, intent(in) :: unit
      character(len=*), intent(in) :: key
      character(len=text_length) :: value, line

      call read_line(unit, line)
      if (line(:len(key) + 1) /= key) call fail('found "'//trim(line)//'" where "'//key//'" is due')
      value = line(len(key) + 2:)
   end function value_after

   integer function count_after(unit, key)
      integer, intent(in) :: unit
      character(len=*), intent(in) :: key
      real(real64) :: numbers(1)

      call read_numbers(value_after(unit, key), numbers)
      count_after = nint(numbers(1))
      if (count_after < 0 .or. abs(count_after - numbers(1)) > 0) call fail('the number of '//key//' is none')
   end function count_after

   subroutine read_line(unit, line)
      integer, intent(in) :: unit
      character(len=*), intent(out) :: line
      integer :: status

      read (unit, '(a)', iostat=status) line
      if (status /= 0) call fail('the file ends too early')
   end subroutine read_line

   ! All numbers of a text, which must be as many as are asked for.
   subroutine read_numbers(text, numbers)
      character(len=*), intent(in) :: text
      real(real64), intent(out) :: numbers(:)
      character(len=80) :: sentence
      integer :: status, n_found

      n_found = count_words(text)
      write (sentence, '(2(i0, a))') n_found, ' numbers on a line where ', size(numbers), ' are due'
      if (n_found /= size(numbers)) call fail(trim(sentence))
      ! These have meanings of their own when lists are read.
      status = scan(trim(text), ',;/*')
      if (status == 0) read (text, *, iostat=status) numbers
      if (status /= 0) call fail('found "'//text(:min(len_trim(text), 60))//'" where numbers are due')
   end subroutine read_numbers

   pure integer function count_words(text)
      character(len=*), intent(in) :: text
      character :: before
      integer :: i

      count_words = 0
      before = ' '
      do i = 1, len_trim(text)
         if (text(i:i) /= ' ' .and. before == ' ') count_words = count_words + 1
         before = text(i:i)
      end do
   end function count_words

   subroutine fail(sentence)
      character(len=*), intent(in) :: sentence

      call stop_with('The model cannot be read: '//sentence)
   end subroutine fail

   subroutine stop_with(sentence)
      character(len=*), intent(in) :: sentence

      flush (output_unit)
      write (error_unit, '(a)') sentence
      flush (error_unit)
      call c_exit(1_c_int)
   end subroutine stop_with

end module twostep_model
