! Reads a model.txt (docs/model_format.md) and runs it, without any library: physical units in and
! out. As in training, transforms and scaling are computed in double precision, the network in
! single precision. What cannot be read ends the program with a sentence.
module twostep_model
   use, intrinsic :: iso_fortran_env, only: error_unit, real32, real64
   use, intrinsic :: ieee_arithmetic, only: ieee_is_finite, ieee_quiet_nan, ieee_value
   implicit none
   private
   public :: feature_type, model_type, load_model, predict

   integer, parameter :: text_length = 1024

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

contains

   subroutine load_model(path, model)
      character(len=*), intent(in) :: path
      type(model_type), intent(out) :: model
      integer :: unit, i

      open (newunit=unit, file=path, status='old', action='read')
      if (count_after(unit, 'twostep_model') /= 1) call fail('this reader knows version 1 only')
      do i = 1, count_after(unit, 'metadata')
         read (unit, '(a)')
      end do
      call read_features(unit, 'inputs', model%inputs)
      call read_features(unit, 'outputs', model%outputs)
      allocate (model%layers(count_after(unit, 'layers')))
      do i = 1, size(model%layers)
         call read_layer(unit, model%layers(i))
      end do
      if (value_after(unit, 'end') /= '') call fail('the last line must be: end')
      close (unit)
   end subroutine load_model

   ! Inputs (n_inputs, n_samples) to outputs (n_outputs, n_samples). A sample with an input outside
   ! the domain of its transform, or not finite, has outputs that are not a number.
   pure function predict(model, inputs) result(outputs)
      type(model_type), intent(in) :: model
      real(real64), intent(in) :: inputs(:, :)
      real(real64), allocatable :: outputs(:, :)
      real(real64), allocatable :: standardised(:, :)
      real(real32), allocatable :: values(:, :)
      logical, allocatable :: is_valid(:)
      integer :: i, j

      allocate (standardised(size(inputs, 1), size(inputs, 2)), is_valid(size(inputs, 2)))
      standardised = 0.0_real64
      associate (features => model%inputs)
         do j = 1, size(inputs, 2)
            ! Looked at before it is computed with, as programs may trap invalid operations.
            is_valid(j) = all(in_domain(inputs(:, j), features%transform))
            if (.not. is_valid(j)) cycle
            standardised(:, j) = (transformed(inputs(:, j), features%transform) - features%mean) / features%std
            is_valid(j) = all(abs(standardised(:, j)) <= huge(1.0_real32))
            if (.not. is_valid(j)) standardised(:, j) = 0.0_real64
         end do
      end associate

      values = real(standardised, real32)
      do i = 1, size(model%layers)
         values = matmul(model%layers(i)%weights, values)
         do j = 1, size(values, 2)
            values(:, j) = activated(values(:, j) + model%layers(i)%biases, model%layers(i)%activation)
         end do
      end do

      allocate (outputs(size(model%outputs), size(inputs, 2)))
      do i = 1, size(model%outputs)
         associate (feature => model%outputs(i))
            outputs(i, :) = inverted(real(values(i, :), real64) * feature%std + feature%mean, feature%transform)
         end associate
      end do
      do j = 1, size(inputs, 2)
         if (.not. is_valid(j)) outputs(:, j) = ieee_value(1.0_real64, ieee_quiet_nan)
      end do
   end function predict

   elemental function in_domain(x, transform)
      real(real64), intent(in) :: x
      character(len=*), intent(in) :: transform
      logical :: in_domain

      in_domain = ieee_is_finite(x)
      if (.not. in_domain) return
      select case (transform)
      case ('log10')
         in_domain = x > 0
      case ('log1p')
         in_domain = x > -1
      case ('logit')
         in_domain = x > 0 .and. x < 1
      end select
   end function in_domain

   elemental function transformed(x, transform) result(y)
      real(real64), intent(in) :: x
      character(len=*), intent(in) :: transform
      real(real64) :: y

      y = x
      select case (transform)
      case ('log10')
         y = log10(x)
      case ('log1p')
         ! log(1 + x), exact near 0, too.
         if (abs(x) < 0.5_real64) then
            y = 2 * atanh(x / (2 + x))
         else
            y = log(1 + x)
         end if
      case ('logit')
         y = log(x) - log(1 - x)
      end select
   end function transformed

   elemental function inverted(y, transform) result(x)
      real(real64), intent(in) :: y
      character(len=*), intent(in) :: transform
      real(real64) :: x

      x = y
      select case (transform)
      case ('log10')
         x = 10.0_real64**y
      case ('log1p')
         ! exp(y) - 1, exact near 0, too.
         x = tanh(y / 2) * (exp(y) + 1)
      case ('logit')
         x = 1 / (1 + exp(-y))
      end select
   end function inverted

   elemental function activated(x, activation) result(y)
      real(real32), intent(in) :: x
      character(len=*), intent(in) :: activation
      real(real32) :: y

      y = x
      select case (activation)
      case ('relu')
         y = max(x, 0.0_real32)
      case ('leaky_relu')
         if (x < 0) y = 0.01_real32 * x
      case ('elu')
         if (x < 0) y = tanh(x / 2) * (exp(x) + 1)
      case ('gelu')
         y = x / 2 * (1 + erf(x / sqrt(2.0_real32)))
      case ('silu')
         y = x / (1 + exp(-x))
      case ('tanh')
         y = tanh(x)
      case ('sigmoid')
         y = 1 / (1 + exp(-x))
      end select
   end function activated

   subroutine read_features(unit, role, features)
      integer, intent(in) :: unit
      character(len=*), intent(in) :: role
      type(feature_type), allocatable, intent(out) :: features(:)
      character(len=text_length) :: transform, numbers
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
         numbers = value_after(unit, 'range')
         read (numbers, *) features(i)%smallest, features(i)%largest
         numbers = value_after(unit, 'scaling')
         read (numbers, *) features(i)%mean, features(i)%std
      end do
   end subroutine read_features

   subroutine read_layer(unit, layer)
      integer, intent(in) :: unit
      type(layer_type), intent(out) :: layer
      character(len=text_length) :: text
      integer :: n_inputs, n_units, i

      text = value_after(unit, 'layer')
      read (text, *) n_inputs, n_units, layer%activation
      if (.not. any(layer%activation == [character(len=10) :: &
         'linear', 'sigmoid', 'relu', 'elu', 'gelu', 'silu', 'tanh', 'leaky_relu'])) &
         call fail('unknown activation '//trim(layer%activation))
      allocate (layer%weights(n_units, n_inputs), layer%biases(n_units))
      do i = 1, n_units
         read (unit, *) layer%weights(i, :), layer%biases(i)
      end do
   end subroutine read_layer

   ! What follows the key that the next line must begin with.
   function value_after(unit, key) result(value)
      integer, intent(in) :: unit
      character(len=*), intent(in) :: key
      character(len=text_length) :: value, line

      read (unit, '(a)') line
      if (line(:len(key) + 1) /= key) call fail('found "'//trim(line)//'" where "'//key//'" is due')
      value = line(len(key) + 2:)
   end function value_after

   integer function count_after(unit, key)
      integer, intent(in) :: unit
      character(len=*), intent(in) :: key
      character(len=text_length) :: value

      value = value_after(unit, key)
      read (value, *) count_after
   end function count_after

   subroutine fail(sentence)
      character(len=*), intent(in) :: sentence

      write (error_unit, '(2a)') 'The model cannot be read: ', sentence
      error stop 1
   end subroutine fail

end module twostep_model
