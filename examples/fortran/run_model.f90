! Runs an exported model on the inputs of a table and compares with the outputs in it:
!
!     gfortran -O3 -march=native -o run_model twostep_model.f90 run_model.f90
!     ./run_model model.txt reference.csv
!
! Prints the outputs, one sample a line, and the largest difference from the outputs in the table,
! relative to the largest value of each output there. The table has a line of names, then the inputs
! and the outputs of a sample on each line.
program run_model
   use, intrinsic :: iso_fortran_env, only: error_unit, iostat_end, real64
   use, intrinsic :: ieee_arithmetic, only: ieee_is_finite
   use twostep_model, only: load_model, model_type, predict, stop_with
   implicit none
   type(model_type) :: model
   character(len=4096) :: path
   real(real64), allocatable :: inputs(:, :), expected(:, :), outputs(:, :)
   real(real64), allocatable :: largest(:), difference(:)
   integer :: unit, status, n_samples, i

   if (command_argument_count() /= 2) call stop_with('usage: run_model model.txt reference.csv')
   call get_command_argument(1, path)
   call load_model(trim(path), model)

   call get_command_argument(2, path)
   open (newunit=unit, file=trim(path), status='old', action='read', iostat=status)
   if (status /= 0) call stop_with('There is no table '//trim(path)//', or it cannot be opened')
   n_samples = -1  ! the line of names
   do
      read (unit, '(a)', iostat=status)
      if (status == iostat_end) exit
      if (status /= 0) call stop_with('The table cannot be read: '//trim(path))
      n_samples = n_samples + 1
   end do
   if (n_samples < 1) call stop_with('The table has no samples: '//trim(path))
   allocate (inputs(size(model%inputs), n_samples), expected(size(model%outputs), n_samples))
   rewind (unit)
   read (unit, '(a)')
   do i = 1, n_samples
      read (unit, *, iostat=status) inputs(:, i), expected(:, i)
      if (status /= 0) call stop_with( &
         'The table must have the inputs and outputs of the model on each line: '//trim(path))
   end do
   close (unit)

   outputs = predict(model, inputs)
   do i = 1, n_samples
      write (*, '(*(es24.16e3, 1x))') outputs(:, i)
   end do
   ! Of each output by itself, as their units may differ.
   largest = maxval(abs(expected), dim=2)
   where (.not. largest > 0) largest = 1
   difference = max(0.0_real64, maxval(abs(outputs - expected), dim=2, mask=ieee_is_finite(outputs)))
   write (error_unit, '(a, es8.2, a)') 'Largest difference from the table: ', &
      maxval(difference/largest), ' of an output''s largest value'
end program run_model
